"""What can go wrong between us and a carrier.

CarrierError
├── CarrierRefused       the carrier said no: the call was certainly not made (permanent)
│   └── NotSupported     this carrier can't do that at all
├── CarrierUnreachable   nothing was handed over: certainly not made; try later
└── HandoverUnknown      it may have been made: never try again blindly, reconcile first
"""

from __future__ import annotations

from callcenter.core.errors import AppError


class CarrierError(AppError):
    """Anything a carrier does to us."""

    code = "carrier_error"
    status = 502


class CarrierRefused(CarrierError):
    """The carrier said no; the call was certainly not made."""

    code = "carrier_refused"


class NotSupported(CarrierRefused):
    """This carrier can't do that at all."""

    code = "not_supported"


class CarrierUnreachable(CarrierError):
    """Nothing was handed over; the call was certainly not made."""

    permanent = False
    code = "carrier_unreachable"


class HandoverUnknown(CarrierError):
    """The hand-over may have happened; only reconciliation tells."""

    permanent = False
    code = "handover_unknown"
