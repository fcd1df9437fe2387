"""The faces: api, console, portal, site. They ask queries and actions, never tables, and don't know each other."""
