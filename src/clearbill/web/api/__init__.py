"""API v1: everything a seller's own programs do. Endpoints are thin; what they call is in the rooms."""
