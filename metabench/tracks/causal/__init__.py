"""How fast a model adapts tells cause from effect (Bengio et al. 2019): no learner of episodes.

`direction` learns which of two discrete variables is the cause, `encoder` also which rotation of
two observed variables gives back cause and effect.
"""
