"""Water ecology 水生态: classes, trophic state, trends, outlooks and sources of surface water."""
