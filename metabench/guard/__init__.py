"""Guarding accuracies: committed results are made again, and no drop goes unnoticed."""
