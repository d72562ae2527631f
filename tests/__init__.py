import os

# The accounts of tests, chaos, worlds and benchmarks are asked at sandboxes on this machine.
os.environ.setdefault("ACUITY_ALLOW_PRIVATE_ADDRESSES", "true")
