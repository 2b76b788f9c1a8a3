"""How time and memory grow with the task: `python -m benchmarks.growth`; see docs/speed.md."""
