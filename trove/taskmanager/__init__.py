"""Long work: flows that go on where a death stopped them. One file a flow; ``service`` runs them."""
