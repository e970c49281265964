"""Makes the weights of the `own` pack. Nothing at run time imports this folder."""
