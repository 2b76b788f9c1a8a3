"""Networks that embed images, each a factory of a `Backbone`: one file for each kind."""
