"""Stands where pip looks for a build backend, so that no source package's code runs: see ``build_meta``."""
