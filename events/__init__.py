"""What happened, and who must be told?"""
