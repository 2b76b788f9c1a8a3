"""Speed against the same work in PyTorch, in one run, as ratios.

Machines are shared and noisy, so only ratios count: both sides take turns within
one process, and each figure is the median over the turns.
"""
