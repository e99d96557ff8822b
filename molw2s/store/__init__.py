"""What is computed, by the key of the work that computes it: in comes work, out come arrays."""

from molw2s.store.arrays import Arrays, Shapes, Store, digest, shared_store
from molw2s.store.work import Spread, Work, do, is_done

__all__ = ["Arrays", "Shapes", "Spread", "Store", "Work", "digest", "do", "is_done", "shared_store"]
