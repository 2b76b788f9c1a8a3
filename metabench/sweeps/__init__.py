"""Many runs from one grid file: planned, run by an executor, resumed, and summed up."""
