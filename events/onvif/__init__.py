"""What is said to a VMS over ONVIF: topics, messages, pull points."""
