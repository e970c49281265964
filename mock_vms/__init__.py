"""Would a real VMS be content, with real cameras in front? Processes of their own."""
