"""Devices, how work is spread over them, and the choice between native and hand-written paths."""
