@echo off
rem eng\build.cmd PROJECT STAMP: finds the packages, then builds PROJECT in Release.
rem STAMP is the listing (sizes and times) of the sources at the last good build: the same listing, nothing to do.
setlocal
set "root=%~dp0.."
set "stamp=%root%\%~2"
set "now=%~dp0.cache\%~n1.sources"

where dotnet >nul 2>nul || (
    echo quant: the .NET 10 SDK is needed, and there is no dotnet on the PATH ^(see README.md^)
    exit /b 7
)
if not exist "%~dp0.cache" mkdir "%~dp0.cache"
pushd "%root%"
dir /s /a-d /tw src\*.cs src\*.csproj src\*.proto src\*.html src\*.css src\*.js tests\*.cs bench\*.cs samples\*.cs eng\*.cs *.props 2>nul | findstr /l /e /i ".cs .csproj .proto .html .css .js .props" > "%now%"
popd
if exist "%stamp%" if "%QUANT_ONNXRUNTIME%%QUANT_ORLEANS%"=="" fc /b "%stamp%" "%now%" >nul 2>nul && exit /b 0

call "%~dp0probe.cmd" || exit /b 1
if not exist "%stamp%" echo Building; the first time it fetches packages ...
dotnet msbuild "%root%\%~1" -m -restore -p:Configuration=Release -nologo -v:quiet -tl:off "-clp:ErrorsOnly;NoSummary" -nodeReuse:false || exit /b 1
copy /y "%now%" "%stamp%" >nul
