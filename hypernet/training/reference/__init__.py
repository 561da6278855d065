"""The small reference pair, base and hypernetwork, trained together from scratch."""
