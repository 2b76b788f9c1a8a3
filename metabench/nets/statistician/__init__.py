"""The Neural Statistician's networks (Edwards & Storkey 2017): variational, one context per set."""
