"""Nexmark: an auction site's persons, auctions and bids, and the queries that stream engines are measured by."""
