"""Which account is meant, and how is it asked?"""
