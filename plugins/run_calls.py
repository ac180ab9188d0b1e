#!/usr/bin/env python3
"""A script validator: carries out the calls of a sample and accepts it if all of them work.

One JSON object a line: first {"hello": 1}; then for each {"id", "sample"} a {"id", "verdict", "reason", "score", "evidence"}.
Needs nothing but Python 3. It looks at the field `answers` of the step `call`; replace FUNCTIONS by your own.
"""
import json
import sys
from datetime import date, datetime, timedelta

UNITS = {"m": ("length", 1.0), "km": ("length", 1000.0), "mi": ("length", 1609.344), "g": ("mass", 1.0), "kg": ("mass", 1000.0), "lb": ("mass", 453.59237)}


def convert_units(value, from_unit, to_unit):
    kind, factor = UNITS[from_unit]
    other, divisor = UNITS[to_unit]
    if kind != other:
        raise ValueError(f"{from_unit} is no {other}")
    return value * factor / divisor


def days_between(start, end):
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


def monthly_payment(principal, annual_rate, months):
    rate = annual_rate / 1200
    return principal / months if rate == 0 else principal * rate / (1 - (1 + rate) ** -months)


def describe_numbers(numbers):
    return {"mean": sum(numbers) / len(numbers), "least": min(numbers), "most": max(numbers)}


def split_bill(total, people, tip_percent):
    return total * (1 + tip_percent / 100) / people


def trip_cost(distance_km, litres_per_100km, price_per_litre):
    return distance_km * litres_per_100km / 100 * price_per_litre


def add_minutes(time, minutes):
    return (datetime.strptime(time, "%H:%M") + timedelta(minutes=minutes)).strftime("%H:%M")


def count_words(text):
    return {"words": len(text.split()), "characters": len(text)}


FUNCTIONS = {f.__name__: f for f in [convert_units, days_between, monthly_payment, describe_numbers, split_bill, trip_cost, add_minutes, count_words]}


def judge(sample):
    answers = (sample.get("steps", {}).get("call", {}).get("value") or {}).get("answers")
    if not answers:
        return {"verdict": "reject", "reason": "there are no calls"}
    results = []
    for call in answers:
        try:
            results.append(FUNCTIONS[call["name"]](**call["arguments"]))
        except Exception as error:  # whatever goes wrong in a call is a verdict about the call
            return {"verdict": "reject", "reason": f"{call.get('name')} failed", "evidence": repr(error)}
    return {"verdict": "accept", "score": 1, "evidence": json.dumps(results)}


def main():
    print(json.dumps({"hello": 1}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"id": request["id"], **judge(request["sample"])}), flush=True)


if __name__ == "__main__":
    main()
