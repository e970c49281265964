"""What does this camera offer, and how do we ask? A leaf: imports no other room."""
