"""The judge: a small VMS that adds ONVIF devices, receives signed webhooks and shows alarms.

It decides whether the rest of the project speaks the published standards, so it shares nothing with it: no room of
ours is imported here, not even the types. What it knows about our device it knows as any VMS would, from the wire,
through a third-party ONVIF client (onvif-zeep) and a third-party webhook library (standardwebhooks). If it used our
encoder, both sides could be wrong together and every test would still pass.
"""
