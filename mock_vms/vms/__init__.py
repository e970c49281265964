"""The judge: a small VMS that speaks only published standards, through third-party clients."""
