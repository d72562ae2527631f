"""What happens to the data of somebody who wants it gone?"""
