"""The LSTM optimizer: its step, its gradient, its files, and what it is compared with."""
