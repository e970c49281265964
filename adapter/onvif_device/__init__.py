"""The face: the ONVIF device that a VMS adds. Answers from settings, cameras and subscriptions."""
