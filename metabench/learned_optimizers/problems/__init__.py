"""The problems that learned optimizers are trained and evaluated on. No optimizers here."""
