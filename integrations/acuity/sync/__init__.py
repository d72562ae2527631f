"""How does the mirror follow between imports?"""
