"""Reservex, the reservation exchange: heat reserved in advance, priced, realised and settled.

It knows neither the network nor CasADi; it meets them in the plain values of
`rexdynnet.timeline`.
"""
