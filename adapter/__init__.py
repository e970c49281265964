"""How is it all one running service?"""
