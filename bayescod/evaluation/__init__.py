"""How good the forecasts are: backtests, proper scores, simulation and calibration."""
