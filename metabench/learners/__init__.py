"""The learners: one algorithm, one file, one keyword factory. No data, no I/O, no logging."""
