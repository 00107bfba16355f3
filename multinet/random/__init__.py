"""interim"""
from multinet.random.keys import SeedGenerator, set_random_seed
