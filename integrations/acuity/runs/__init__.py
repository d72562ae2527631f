"""How does a run begin, go on, stop and end?"""
