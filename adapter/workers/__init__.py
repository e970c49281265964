"""Cameras watched on another host: the messages, the link, the controller's side of it and the worker's.

What may not enter: the store's tables, the rules, the outputs, ONVIF. A worker sees pictures and tells what passed;
what follows from it is the controller's business.
"""
