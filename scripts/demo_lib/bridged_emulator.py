"""The emulator as the demo runs it: ministack, with the bridges that `bridges/__init__.py` names."""

from hypercorn.config import Config

# HTTP/1.1 only: on HTTP/2 its server drops a connection at the thousandth request, with whatever is under way on it.
Config.alpn_protocols = ["http/1.1"]

from ministack.app import main  # noqa: E402 (the line above must come first)

from demo_lib.bridges import install  # noqa: E402

if __name__ == "__main__":
    install()
    main()
