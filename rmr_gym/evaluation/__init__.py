"""Scores, probes and statistics: what decides whether one encoder or processor is better than another."""
