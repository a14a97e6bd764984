"""What the kiosk says to customers."""

from __future__ import annotations

from typing import Final

from edge.contract.errors import AskError, ErrorCode

ATTRACT: Final = "Hungry? Step closer, or touch Start."
WELCOME: Final = "Welcome! Touch a dish, or say what you would like."
NO_MENU: Final = "The menu can't be reached right now. Please try again in a moment."
NOT_ON_MENU: Final = "Sorry, we don't have that."
SOLD_OUT: Final = "Sorry, that is sold out."
EMPTY_CART: Final = "Your order is empty. Please choose a dish first."
IS_THIS_RIGHT: Final = "Is this right? Touch Pay, or say yes."
HELP: Final = "You can say “show me burgers”, “add two colas”, “remove the fries” or “checkout”, or touch the screen."
NOT_UNDERSTOOD: Final = "Sorry, I didn't understand that. Say “help” to hear what I understand."
ALL_RIGHT: Final = "All right."
STILL_THERE: Final = "Are you still there? Touch the screen to keep your order."
WELCOME_BACK: Final = "Welcome back! Your order is still here. Touch Cancel to start anew."
AFTER_RESTART: Final = "Sorry for the wait. Here is your order again."
NO_CARDS: Final = "Cards can't be taken right now. You can look around; please order at the counter."
NO_PAPER: Final = "The printer can't print now. Your receipt will be on the screen, for your phone."
OUT_OF_SERVICE: Final = "This kiosk is out of service."
ORDER_ELSEWHERE: Final = "Please order at the counter."
WHICH_ONE: Final = "Which one would you like?"
NOTHING_TO_REMOVE: Final = "That isn't in your order."
FAULT: Final = "Sorry, something went wrong. Please try again."

TAP_CARD: Final = "Please hold your card to the reader."
CANCELLING: Final = "Cancelling the payment…"
DECLINED: Final = "Your card was declined. You can try again, also with another card."
NO_TAP: Final = "No card was held to the reader. Would you like to try again?"
PAYMENT_CANCELLED: Final = "The payment was cancelled. Nothing was charged."
PAYMENT_UNAVAILABLE: Final = (
    "Card payment isn't available right now. Your order is kept: if you try again, you pay only once."
)
PAYMENT_UNKNOWN: Final = "We didn't hear whether the payment went through. Please try again: you pay only once."
PAYMENT_FAILED: Final = "The payment did not go through. You can try again, also with another card."

PRINTING: Final = "Thank you! Your receipt is being printed."
TAKE_RECEIPT: Final = "Thank you! Please take your receipt."
NO_RECEIPT: Final = "Thank you! Your receipt could not be printed."

GOODBYE_PAID: Final = "Thank you, and enjoy your meal!"
GOODBYE_CANCELLED: Final = "Your order was cancelled. See you soon!"
GOODBYE_TIMEOUT: Final = "See you soon!"


def added(title: str, quantity: int) -> str:
    """A dish went into the cart."""
    return f"Added {quantity} × {title}."


def only_left(title: str, left: int) -> str:
    """There are fewer of a dish than were wanted."""
    return f"Sorry, there {'is' if left == 1 else 'are'} only {left} × {title} left."


def removed(title: str) -> str:
    """A dish went out of the cart."""
    return f"Removed {title}."


def cannot_do(title: str, modifiers: list[str]) -> str:
    """A dish can't be had as wished."""
    wishes = ", ".join(f"“{each}”" for each in modifiers)
    return f"{title}: we can't do {wishes}. Please ask our staff, especially about allergies."


def nothing_found(sought: str) -> str:
    """A search found nothing."""
    return f"Sorry, we found nothing for “{sought}”." if sought else "Sorry, we found nothing."


def did_you_mean(text: str) -> str:
    """It was heard badly."""
    return f"Did you mean “{text}”?"


def gone(title: str) -> str:
    """A dish had to leave the order."""
    return f"Sorry, {title} is not to be had any more and was taken off your order."


def repriced(title: str) -> str:
    """A dish costs something else now."""
    return f"The price of {title} has changed."


def loyalty(loyalty_id: str) -> str:
    """A loyalty card was held to the reader."""
    return f"Loyalty card {loyalty_id} is on your order."


def goodbye_in_doubt(order_id: str) -> str:
    """The customer leaves a payment whose outcome isn't known."""
    return f"If your card was charged, please ask our staff about order {order_id[:8]}."


def print_trouble(error: AskError) -> str:
    """Why there is no paper receipt, for a customer; the log has the driver's own words, for a technician."""
    if error.code in (ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT):
        return "The printer does not answer."
    words = error.message.lower()
    if "paper" in words:
        return "The printer is out of paper."
    if "cover" in words:
        return "The printer's cover is open."
    return "The printer does not work right now."


def menu_trouble(error: AskError) -> str:
    """The menu agent's refusal, for a customer."""
    match error.code:
        case ErrorCode.MENU_NOT_FOUND:
            return NOT_ON_MENU
        case ErrorCode.ITEM_OUT_OF_STOCK:
            return SOLD_OUT
        case _:
            return NO_MENU
