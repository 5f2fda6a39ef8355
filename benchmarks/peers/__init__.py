"""Everything that can adapt a head, behind one interface: ours, and what a user could pick instead."""
