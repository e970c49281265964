"""The demo: starts the stage, the service and the judge as processes of their own, and follows each vehicle through.

It imports no room: it knows the programs by their command lines and the addresses they print, as a user would.
"""
