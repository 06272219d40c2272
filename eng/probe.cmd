@echo off
rem Finds out once what the package feed has (see Probe\Probe.proj). Delete Packages.generated.props to ask again.
if exist "%~dp0Packages.generated.props" if "%QUANT_ONNXRUNTIME%%QUANT_ORLEANS%"=="" exit /b 0
dotnet msbuild "%~dp0Probe\Probe.proj" -nologo -verbosity:minimal -nodeReuse:false
exit /b %errorlevel%
