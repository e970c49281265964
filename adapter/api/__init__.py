"""The console and its REST API: handlers parse, call, reply."""
