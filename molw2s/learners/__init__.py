"""Learners: rows and labels in, a fitted regressor out; heads on features, or finetuning."""

from molw2s.learners.learner import FinetuningLearner, HeadLearner, Learner

__all__ = ["FinetuningLearner", "HeadLearner", "Learner"]
