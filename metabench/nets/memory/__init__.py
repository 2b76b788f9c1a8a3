"""Networks that read a sequence and remember: cells, their memories, and how they are unrolled."""
