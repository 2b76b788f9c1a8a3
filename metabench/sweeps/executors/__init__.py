"""Where runs happen: one file for each kind of executor, all behind `executor.Executor`."""
