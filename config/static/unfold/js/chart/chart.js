// Nothing: no page draws with it. In its place, the charts are SVG.
