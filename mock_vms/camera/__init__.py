"""The stage: virtual ONVIF cameras whose picture obeys the imaging settings they are sent."""
