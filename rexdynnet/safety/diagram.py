"""The automaton as a diagram: Graphviz and Mermaid text."""

from __future__ import annotations

import re

from rexdynnet.safety.automaton import Assign, HybridAutomaton, Map, State, Transition, Urgency


def graphviz(automaton: HybridAutomaton[State]) -> str:
    """Graphviz (DOT) text of an automaton.

    Parameters
    ----------
    automaton : HybridAutomaton

    Returns
    -------
    str
        Dashed edges may be taken, full ones must.
    """
    lines = [f"digraph {_quoted(automaton.name)} {{", "  rankdir=LR; node [shape=box];"]
    lines.append("  _start [shape=point];")
    for mode in automaton.modes:
        body = "\n".join([mode.name, *_invariant(mode.invariant.text)])
        lines.append(f"  {_quoted(mode.name)} [label={_quoted(body)}];")
    lines.append(f"  _start -> {_quoted(automaton.initial)};")
    for each in automaton.transitions:
        style = ", style=dashed" if each.urgency is Urgency.MAY else ""
        label = _quoted("\n".join(_label(each)))
        lines.append(f"  {_quoted(each.source)} -> {_quoted(each.target)} [label={label}{style}];")
    return "\n".join([*lines, "}"])


def mermaid(automaton: HybridAutomaton[State]) -> str:
    """Mermaid text (a state diagram) of an automaton.

    Parameters
    ----------
    automaton : HybridAutomaton

    Returns
    -------
    str
    """
    lines = ["stateDiagram-v2", f"  [*] --> {_identifier(automaton.initial)}"]
    for mode in automaton.modes:
        body = " | ".join([mode.name, *_invariant(mode.invariant.text)])
        lines.append(f"  {_identifier(mode.name)} : {_plain(body)}")
    for each in automaton.transitions:
        label = _plain(" | ".join(_label(each)))
        lines.append(f"  {_identifier(each.source)} --> {_identifier(each.target)} : {label}")
    return "\n".join(lines)


def _invariant(text: str) -> list[str]:
    return [] if text == "always" else [f"while {text}"]


def _label(each: Transition[State]) -> list[str]:
    parts = [f"{each.name}: {each.guard.text}"]
    if each.dwell_s:
        parts.append(f"after {each.dwell_s:g} s")
    if each.priority:
        parts.append(f"priority {each.priority}")
    if each.urgency is Urgency.MAY:
        parts.append("may")
    if isinstance(each.reset, Assign):
        parts += [f"{name} := {value:g}" for name, value in each.reset.values.items()]
    elif isinstance(each.reset, Map):
        parts.append(each.reset.text)
    return parts


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _identifier(name: str) -> str:
    return "m_" + re.sub(r"\W", lambda found: f"_{ord(found.group()):x}_", name)


def _plain(text: str) -> str:
    # a colon or semicolon would end the label, '--' or '->' start an arrow
    return text.replace(":=", "=").replace(":", ",").replace(";", ",").replace("->", "→")
