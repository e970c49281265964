"""What passed in front of the lens? Sources, model packs, reading, tracking; no events, no cameras' SOAP."""
